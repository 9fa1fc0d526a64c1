/** The network: blocks, reorganisations, payments that are spent again meanwhile, and a node that is away at times. */
import type { Transaction } from 'bitcoinjs-lib'
import { displayOf } from '../../adapters/bitcoin/hash.ts'
import type { Books } from './books.ts'
import { FINAL } from './fixtures.ts'
import { checkPayments } from './invariants.ts'
import type { Season } from './season.ts'
import type { System } from './system.ts'
import { minedOn } from './truth.ts'

const MAXIMUM_DEPTH = 8
const STORMY_MS = 5000
const CALM_MS = 1500
const MAXIMUM_ABSENCE_MS = 20_000

interface Network extends System {
  books: Books
  season: Season
  /** The highest the chain has ever been: what stood there `FINAL` deep never leaves. */
  highest: number
  /** Branches that may come back: until they have, the node must remember them. */
  returning: number
  /** Every transaction of ours that the node has ever had, by its id. */
  kept: Map<string, Transaction>
}

/** How many blocks from the tip may leave: none that was ever final. */
const mayLeave = ({ node, highest }: Network): number => node.height() - (highest + 1 - FINAL)

function noteChange(network: Network): void {
  const { node, world } = network
  network.highest = Math.max(network.highest, node.height())
  world.trace(`chain ${node.height()} ${node.tip()}`)
  checkPayments(network, network.books)
}

const outpointsOf = ({ ins }: Transaction): string[] => ins.map(({ hash, index }) => `${displayOf(hash)}:${index}`)

/** What the watcher has sent once, and our node has dropped or has never taken back: another miner may have kept it. */
function keptElsewhere({ node, world, books, kept }: Network): Transaction | null {
  const pending = node.pending()
  for (const txid of pending) if (!books.payments.has(txid)) kept.set(txid, node.transaction(txid)!)
  if (!world.dice.chance(0.2)) return null
  const mined = minedOn(node)
  const made = new Set(mined.flatMap(({ outputs }) => outputs.map(({ txid, vout }) => `${txid}:${vout}`)))
  const gone = new Set(mined.flatMap(({ spends }) => spends))
  const possible = [...kept.values()].filter(
    transaction =>
      !pending.includes(transaction.getId()) &&
      outpointsOf(transaction).every(outpoint => made.has(outpoint) && !gone.has(outpoint)),
  )
  return possible.length === 0 ? null : world.dice.pick(possible)
}

function mine(network: Network, count: number): void {
  const { node, world } = network
  for (let n = 0; n < count; n++) {
    const earlier = network.season.isStormy ? keptElsewhere(network) : null
    if (earlier !== null) {
      node.mine(1, { transactions: [earlier] })
      world.trace(`another miner has kept ${earlier.getId()}`)
      noteChange(network)
      continue
    }
    const pending = node.pending()
    const isWhole = !network.season.isStormy || world.dice.chance(0.75)
    const some = pending.slice(0, world.dice.between(0, pending.length)).map(txid => node.transaction(txid)!)
    node.mine(1, isWhole ? {} : { transactions: some })
    noteChange(network)
  }
}

/** Some of the payments that were in the blocks that left are spent to somebody else. */
function spendAgain({ node, world, books }: Network, probability: number): void {
  for (const txid of node.pending()) {
    if (!books.payments.has(txid) || !world.dice.chance(probability)) continue
    if (node.transaction(txid) === undefined) continue
    books.payments.add(node.doubleSpend(txid))
    world.trace(`network spends ${txid} again`)
  }
}

/** The node forgets what the watcher has sent; payers' transactions it keeps, because nobody sends them again. */
function forgetOurs({ node, world, books }: Network): void {
  for (const txid of node.pending()) {
    if (books.payments.has(txid) || node.transaction(txid) === undefined) continue
    node.forget(txid)
    world.trace(`the node forgets ${txid}`)
  }
}

function reorganise(network: Network): void {
  const { node, world } = network
  const { dice } = world
  const depth = Math.min(dice.between(1, MAXIMUM_DEPTH), mayLeave(network))
  if (depth < 1) return mine(network, 1)
  const height = node.height() - depth + 1
  const left = node.hashAt(height)
  const lastFinal = network.highest + 1 - FINAL
  const kept = node.hashAt(lastFinal)
  node.invalidate(left)
  // An older branch that is longer than what is left wins now; its fork may lie deeper than was meant.
  if (node.height() < lastFinal || node.hashAt(lastFinal) !== kept) {
    node.reconsider(left)
    return mine(network, 1)
  }
  world.trace(`network leaves ${depth} blocks`)
  noteChange(network)
  if (dice.chance(0.6)) spendAgain(network, dice.pick([0.2, 0.5, 1]))
  mine(network, dice.between(0, depth + 1))
  if (dice.chance(0.25)) {
    network.returning++
    world.after(dice.between(0, 15_000), () => comeBack(network, left, height))
  } else if (dice.chance(0.4)) failOver(network, left)
}

/** The node is lost, and the one in its place has never seen the blocks that were left. */
function failOver({ node, world, returning }: Network, left: string): void {
  if (returning > 0) return
  world.trace(`another node in its place, without ${left}`)
  node.forgetBranch(left)
}

/** The lowest block of the best chain that would leave if this branch won. */
function lowestLeaving({ node }: Network, branch: string, height: number): number {
  let [at, hash] = [height, branch]
  while (at > node.height() || node.hashAt(at) !== hash) {
    hash = displayOf(node.block(hash).prevHash!)
    at--
  }
  return at + 1
}

/** The branch that was left wins after all, unless by now that would undo what is final. */
function comeBack(network: Network, left: string, height: number): void {
  const { node, highest, world } = network
  network.returning--
  if (lowestLeaving(network, left, height) <= highest + 1 - FINAL) return
  world.trace(`network returns to ${left}`)
  node.reconsider(left)
  noteChange(network)
}

function act(network: Network): void {
  const { world, sky, season } = network
  const { dice } = world
  if (!season.isStormy) return mine(network, 1)
  const roll = dice.roll()
  if (roll < 0.12) return reorganise(network)
  if (roll < 0.15 && season.script.isFaulty) {
    sky.node = dice.chance(0.7) ? 'down' : 'foreign'
    world.after(dice.between(100, MAXIMUM_ABSENCE_MS), () => (sky.node = 'up'))
  } else if (roll < 0.19 && season.script.isFaulty) forgetOurs(network)
  else mine(network, roll < 0.85 ? 1 : dice.between(2, 5))
}

export async function runMiner(system: System, books: Books, season: Season): Promise<void> {
  const network: Network = { ...system, books, season, highest: system.node.height(), returning: 0, kept: new Map() }
  for (;;) {
    await system.world.sleep(season.isStormy ? system.world.dice.between(100, STORMY_MS) : CALM_MS)
    act(network)
  }
}
