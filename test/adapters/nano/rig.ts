/** The family on a ledger in memory, against a simulated node: what the watcher's processes do around it is done by hand or at once. */
import { createDeriver } from '../../../adapters/nano/deriver.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { createSearch } from '../../../adapters/nano/work-search.ts'
import { watchNano } from '../../../adapters/nano/watching.ts'
import type { Signed } from '../../../adapters/adapter.ts'
import { accountId, chainId, nameOf } from '../../../machines/ids.ts'
import type { Place } from '../../../machines/vocabulary.ts'
import type { SimulatedNanoOptions } from '../../../src/devnet/nano/node.ts'
import { createSimulatedNano } from '../../../src/devnet/nano/node.ts'
import { isKind, type InstanceOf } from '../../../src/kernel/entry.ts'
import { claim } from '../../../src/kernel/untyped.ts'
import type { Disk } from '../../../src/kernel/ports.ts'
import { chainContext } from '../../../src/orchestrator/orchestrator.ts'
import type { ChainPolicy } from '../../../src/orchestrator/policy.ts'
import { paymentsFor } from '../../../src/orchestrator/routes/planning.ts'
import type { Performers } from '../../../src/orchestrator/tasks.ts'
import { at, createRig } from '../../orchestrator/rig.ts'

export const NANO = 10n ** 30n
const CHAIN = 'n'
const SEED = new Uint8Array(64).fill(7)
const TRIES = 2 ** 40
/** In one go. */
const MAXIMUM_ROUNDS = 500
const AWAY_MS = 300
/** What was planned is signed, what was signed is sent. */
const TURNS = 10

const network = networkOf('nano-dev')
const deriver = createDeriver(network)
const search = createSearch()

interface NanoRigOptions {
  /** Addresses beside the treasury. */
  addresses?: number
  node?: Partial<SimulatedNanoOptions>
  own?: object
  minimumDeposit?: string
  /** Where blocks are planned and neither signed nor sent. */
  isUnsigned?: boolean
  /** Withdrawals for which the signer wants more approvals. */
  unapproved?: ReadonlySet<string>
  isSignerAway?: () => boolean
}

/** Follows from the node's present state on. */
export async function createNanoRig({
  addresses = 2,
  node: options = {},
  own = {},
  minimumDeposit = '1000',
  isUnsigned = false,
  unapproved = new Set(),
  isSignerAway = () => false,
}: NanoRigOptions) {
  const time = { ms: at }
  const log: string[] = []
  const node = createSimulatedNano({ now: () => time.ms, ...options })
  const configured = { work: { servers: [], local: true }, sweep: { minimum: String(NANO) } }
  const family = watchNano(
    {
      ...{ chain: CHAIN, family: 'nano', network: network.name, asset: 'XNO', minimumDeposit },
      ...{ node: { url: 'http://node' }, own: { ...configured, ...own } },
    },
    {
      request: call => node.request(call),
      disk: claim<Disk>({}),
      clock: { now: () => time.ms, monotonic: () => time.ms, processor: () => 0, wake: () => () => undefined },
      log: (level, message) => void log.push(`${level}: ${message}`),
      work: async (root, threshold) => search(root, threshold, 1n, TRIES)!,
    },
  )
  const { planner, book, signable, assets, watch } = family
  const policy: ChainPolicy = {
    ...{ name: CHAIN, family: 'nano', asset: 'XNO', assets, credit: 1, final: 1 },
    ...{ batch: { windowMs: 0, maximum: 1 }, replaceAfterMs: null, planner, book, signable },
  }
  const rig = createRig({ policies: { [CHAIN]: policy }, performers: isUnsigned ? {} : performers() })
  const { memory } = rig.orchestrator

  function performers(): Performers {
    const done = (outcome: object) =>
      claim<Awaited<ReturnType<NonNullable<Performers['gather']>>>>({ outcome, againMs: null })
    return {
      gather: async account => {
        const data = { id: account.id, facts: await family.node.gather(questionOf(account)), limits: {} }
        return done({ type: 'facts.gathered', data })
      },
      sign: async ({ id, context }) => {
        if (isSignerAway()) return { outcome: null, againMs: AWAY_MS }
        const paid = memory.get(context.transfer)!.context.withdrawals.map(each => nameOf(each.id))
        if (paid.some(name => unapproved.has(name)))
          return done({ type: 'signing.pended', data: { id, reason: 'one approval is missing', lacksApprovals: true } })
        const { payloads, assemble } = signable.open(context.template)
        const index = Number(nameOf(context.account).split(':')[1])
        const signed = assemble(
          deriver.sign(
            SEED,
            payloads.map(payload => ({ index, payload })),
          ),
        )
        return done({ type: 'signing.completed', data: { id, ...signed, earlier: null, position: null } })
      },
      publish: async ({ id, context }) => {
        const answer = await family.node.publish(signedOf(context))
        const reason = 'reason' in answer ? answer.reason : null
        return done({ type: 'publishing.answered', data: { id, reason } })
      },
    }
  }

  const signedOf = ({ transactionId, raw, spendKeys }: InstanceOf<'attempt'>['context']): Signed => ({
    ...{ transactionId: transactionId!, raw: raw!, parents: book.before(memory, spendKeys) },
  })

  const questionOf = ({ id, context: { index, address } }: InstanceOf<'account'>) => ({
    ...{ source: { index, address }, treasury: addressOf(0), tip: tip() },
    payments: () => paymentsFor(memory, CHAIN, id),
  })

  const addressOf = (index: number) => deriver.derive(SEED, index).address
  const tip = (): Place => chainContext(memory, CHAIN)!.blocks.at(-1)!

  const generated = Array.from({ length: addresses + 1 }, (_, index) => ({
    ...deriver.derive(SEED, index),
    ...{
      chain: CHAIN,
      createdAt: '2026-01-01T00:00:00.000Z',
      attestation: { key: 'k', signature: 's' },
      isFormer: false,
    },
  }))
  memory.observe((before, after) => {
    if (isKind(after, 'address') && before === undefined) watch.addAddress(after.context.index, after.context.address)
    watch.changed(memory, before, after)
  })
  await rig.send({ type: 'chain.opened', at, data: { chain: CHAIN } })
  await rig.send({ type: 'addresses.generated', at, data: { chain: CHAIN, addresses: generated, position: null } })
  for (let index = 1; index <= addresses; index++)
    await rig.send({ type: 'address.assigned', at, data: { chain: CHAIN, index, reference: `user-${index}` } })
  const { height, hash } = await family.node.base('latest')
  await rig.send({ type: 'node.identified', at, data: { chain: CHAIN, base: { height, hash }, syncing: false } })
  await rig.send({ type: 'node.caughtUp', at, data: { chain: CHAIN } })

  if (!isUnsigned) rig.orchestrator.start()

  /** One question to the node, and what it says is followed. */
  async function step(): Promise<'connected' | 'unchanged'> {
    if (memory.get(chainId(CHAIN))!.value === 'halted') return 'unchanged'
    const next = await family.node.next([tip()])
    if (next.kind === 'disconnected') throw new Error('nothing is ever taken back')
    if (next.kind === 'unchanged') return 'unchanged'
    const { block, facts, nodeHeight } = next
    await rig.send({
      type: 'block.connected',
      at: time.ms,
      data: { chain: CHAIN, block, facts: [...facts], nodeHeight },
    })
    await rig.send({ type: 'node.caughtUp', at: time.ms, data: { chain: CHAIN } })
    return 'connected'
  }

  /** Until nothing is new. The number of rounds. */
  async function follow(): Promise<number> {
    let rounds = 0
    while ((await step()) === 'connected') if (++rounds > MAXIMUM_ROUNDS) throw new Error('rounds without an end')
    return rounds
  }

  /** Time for what was planned to be signed, sent, confirmed and read. */
  async function settle(turns = 12): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      time.ms += 500
      await rig.pass(500)
      for (let n = 0; n < TURNS; n++) await rig.pass(0)
      await follow()
    }
  }

  return {
    ...{ rig, memory, node, family, log, time, addressOf, tip, step, follow, settle },
    deposits: () => memory.list('deposit', CHAIN).map(({ context, value }) => ({ ...context, value })),
    transfers: () => memory.list('transfer', CHAIN),
    attempts: () => memory.list('attempt', CHAIN),
    account: (index: number) => memory.get(accountId(CHAIN, index)),
    questionOf,
    signedOf,
    balances: () => book.balances({ memory, policy })[0]!,
    withdraw: (id: string, to: string, raw: bigint) =>
      rig.send({
        ...{ type: 'withdrawal.requested', at: time.ms },
        data: {
          ...{ id, chain: CHAIN, asset: 'XNO', to, dataField: null, amount: String(raw), expiresAt: null, round: 1 },
          ...{ memory: null, authorisations: [], expiresAtMs: null, held: null },
        },
      }),
  }
}
