/** People who pay to the exchange's addresses, and the exchange that fills its treasury. */
import type { Books } from './books.ts'
import { MINIMUM_DEPOSIT } from './fixtures.ts'
import type { Season } from './season.ts'
import type { System } from './system.ts'

const PAUSE_MS = 8000
const DUST_SAT = 6000
const TREASURY_SAT = 300_000_000n
/** So little that withdrawals wait for funds. */
const SHORT_SAT = 20_000_000n
const PARENT_SAT = 1_000_000_000n
const FLOOD = [800, 3000] as const

type Output = { address: string; amountSat: bigint }

/** Amounts of payers end in 0, those of withdrawals never do. */
function amountOf({ world }: System): bigint {
  if (world.dice.chance(0.1)) return BigInt(world.dice.between(DUST_SAT / 10, Number(MINIMUM_DEPOSIT) / 10 - 1)) * 10n
  return BigInt(world.dice.between(Number(MINIMUM_DEPOSIT) / 10, 10_000_000)) * 10n
}

/** Transactions of strangers, none of them in a block, that a payment stands on: what becomes of one becomes of all above it. */
function payThrough({ world, node }: System, books: Books, outputs: readonly Output[]): string[] {
  const chain = [node.pay(node.faucetAddress, PARENT_SAT)]
  for (let n = world.dice.between(0, 3); n > 0; n--)
    chain.push(node.payFrom(chain.at(-1)!, [{ address: node.faucetAddress, amountSat: PARENT_SAT / 2n }]))
  chain.push(node.payFrom(chain.at(-1)!, outputs))
  for (const txid of chain) books.payments.add(txid)
  return chain
}

/** One transaction, thousands of outputs to us: most are too small to count. */
function flood(system: System, books: Books): void {
  const { world, node } = system
  const addresses = [...books.addresses.values()].map(({ address }) => address)
  if (addresses.length === 0) return
  const outputs = Array.from({ length: world.dice.between(...FLOOD) }, (): Output => {
    const isDust = world.dice.chance(0.95)
    const most = isDust ? Number(MINIMUM_DEPOSIT) / 10 - 1 : 10_000
    return { address: world.dice.pick(addresses), amountSat: BigInt(world.dice.between(DUST_SAT / 10, most)) * 10n }
  })
  const txid = node.payMany(outputs)
  books.payments.add(txid)
  world.trace(`payer floods with ${txid}: ${outputs.length} outputs`)
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
  const chain = world.dice.chance(0.3) ? payThrough(system, books, outputs) : [node.payMany(outputs)]
  const txid = chain.at(-1)!
  books.payments.add(txid)
  world.trace(
    `payer ${txid} after ${chain.length - 1} ${outputs.map(({ address, amountSat }) => `${address}=${amountSat}`).join(' ')}`,
  )
  if (!world.dice.chance(chain.length > 1 ? 0.4 : 0.1)) return
  const replaced = world.dice.pick(chain)
  world.after(world.dice.between(0, 6000), () => {
    if (node.transaction(replaced) === undefined) return
    books.payments.add(node.doubleSpend(replaced))
    world.trace(`payer replaces ${replaced}`)
  })
}

export async function runPayers(system: System, books: Books, season: Season): Promise<void> {
  const { world } = system
  const floodsAt = world.dice.chance(season.script.flood) ? world.dice.between(1, 10) : -1
  for (let n = 0; n < season.script.payments; n++) {
    await world.sleep(world.dice.between(500, PAUSE_MS))
    if (!season.isStormy) return
    if (n === floodsAt) flood(system, books)
    else pay(system, books)
  }
}

export async function fillTreasury({ world, node, ask }: System, books: Books, season: Season): Promise<void> {
  while (books.treasury === null) {
    await world.sleep(500)
    const answer = await ask('GET', '/v1/chains/litecoin').catch(() => null)
    if (answer?.status === 200) books.treasury = answer.body['treasury'] as string | null
  }
  const amount = season.script.isFaulty ? world.dice.pick([TREASURY_SAT, TREASURY_SAT, SHORT_SAT]) : TREASURY_SAT
  for (let n = 0; n < 3; n++) {
    books.payments.add(node.pay(books.treasury, amount))
    await world.sleep(world.dice.between(0, 20_000))
  }
  // Some of it may have been spent again meanwhile: in the end there is enough for everything that is asked for.
  while (season.isStormy) await world.sleep(1000)
  node.pay(books.treasury, 10n * TREASURY_SAT)
}
