/** People who pay to the exchange's addresses, and the exchange that fills its treasury. */
import type { Books } from './books.ts'
import { MINIMUM_DEPOSIT } from './fixtures.ts'
import type { Season } from './season.ts'
import type { System } from './system.ts'

const PAUSE_MS = 8000
const DUST_SAT = 6000
const TREASURY_SAT = 300_000_000n

/** Amounts of payers end in 0, those of withdrawals never do. */
function amountOf({ world }: System): bigint {
  if (world.dice.chance(0.1)) return BigInt(world.dice.between(DUST_SAT / 10, Number(MINIMUM_DEPOSIT) / 10 - 1)) * 10n
  return BigInt(world.dice.between(Number(MINIMUM_DEPOSIT) / 10, 10_000_000)) * 10n
}

function pay(system: System, books: Books): void {
  const { world, node } = system
  const addresses = [...books.addresses.values()].map(({ address }) => address)
  if (addresses.length === 0) return
  const count = world.dice.chance(0.25) ? 2 : 1
  const outputs = Array.from({ length: count }, () => ({
    address: world.dice.pick(addresses),
    amountSat: amountOf(system),
  }))
  const txid = node.payMany(outputs)
  books.payments.add(txid)
  world.trace(`payer ${txid} ${outputs.map(({ address, amountSat }) => `${address}=${amountSat}`).join(' ')}`)
  if (!world.dice.chance(0.1)) return
  world.after(world.dice.between(0, 3000), () => {
    if (node.transaction(txid) === undefined) return
    books.payments.add(node.doubleSpend(txid))
    world.trace(`payer replaces ${txid}`)
  })
}

export async function runPayers(system: System, books: Books, season: Season): Promise<void> {
  const { world } = system
  for (let n = 0; n < season.script.payments; n++) {
    await world.sleep(world.dice.between(500, PAUSE_MS))
    if (!season.isStormy) return
    pay(system, books)
  }
}

export async function fillTreasury({ world, node, ask }: System, books: Books, season: Season): Promise<void> {
  while (books.treasury === null) {
    await world.sleep(500)
    const answer = await ask('GET', '/v1/chains/litecoin').catch(() => null)
    if (answer?.status === 200) books.treasury = answer.body['treasury'] as string | null
  }
  for (let n = 0; n < 3; n++) {
    books.payments.add(node.pay(books.treasury, TREASURY_SAT))
    await world.sleep(world.dice.between(0, 20_000))
  }
  // Some of it may have been spent again meanwhile: in the end there is enough for everything that is asked for.
  while (season.isStormy) await world.sleep(1000)
  node.pay(books.treasury, 10n * TREASURY_SAT)
}
