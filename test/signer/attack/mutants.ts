/**
 * Signers that lack one rule each, made from the built one by changing its text as it is loaded. An attack is worth
 * something only if it notices every one of them; and one that changes nothing any more is an error.
 */
import type { SideName } from './attack.ts'
import type { Dishonest } from './moves.ts'

export interface Mutant {
  /** The rule that is off. */
  rule: string
  /** The built file whose text is changed, the text, which stands there once, and what replaces it. */
  file: string
  find: string
  replace: string
  /** What the books say then. */
  noticed: RegExp
  /** What a thief has to be dishonest about to profit by it; nothing, where honest templates in a dishonest order do. */
  aims: readonly Dishonest[]
  /** On what kind of chain it can be noticed; bitcoin's unless said. */
  side?: SideName
}

const POLICY = 'src/signer/signing/policy.js'
const APPROVALS = 'src/approvals.js'

/** Whatever is wrong in this way is not among the reasons of a verdict any more. */
const without = (kind: string, noticed: RegExp, ...aims: Dishonest[]): Mutant => ({
  rule: kind,
  file: POLICY,
  find: 'reasons: reasons.slice(',
  replace: `reasons: reasons.filter(given => given.kind !== '${kind}').slice(`,
  noticed,
  aims,
})

/** Kinds of reasons that no template of the bitcoin family can provoke: its reader refuses such a template before. */
export const UNREACHABLE = ['wrong-network', 'wrong-asset', 'nothing-spent', 'repeated-spend-key']

export const MUTANTS: readonly Mutant[] = [
  without('unexplained-output', /pays \d+ \w+ to [0-9a-f]+, unasked/, 'output'),
  without('intent-not-paid', /leaves \d intents unpaid/, 'omitted output'),
  without('invalid-destination', /leaves \d intents unpaid/),
  without('repeated-intent', /pays one withdrawal twice/, 'doubled'),
  without('foreign-input', /the signer answered 500/, 'foreign coin'),
  without('fee-too-high', /over the cap of fees/),
  without('fee-rate-too-high', /over the cap of fee rates/),
  without('limit-per-transaction', /over the cap of a transaction/),
  without('limit-per-day', /over the cap of a day/),
  without('destination-not-allowed', /pays a blocked destination/),
  without('wrong-chain', /serves an intent for the chain doge/),
  without('intent-changed', /was another one before/),
  without('old-round', /was signed after a higher one/),
  without('voided', /does not list it/),
  without('could-pay-twice', /can both confirm for w-/),
  without('not-an-attempt', /can both confirm for t\d/),
  without('expired', /was signed after it expired/),
  without('memory-behind', /was signed behind the memory/),
  { ...without('spend-key-bound', /serves t\d+ and t\d+/), side: 'ethereum' },
  { ...without('other-payments', /pays .* and then/), side: 'ethereum' },
  {
    rule: 'approvals at all',
    file: POLICY,
    find: 'missingOf(terms.authority, request.intents, terms.wallet)',
    replace: '[]',
    noticed: /serves what nobody authorised/,
    aims: ['unsigned', 'destination'],
  },
  {
    rule: 'approvals: as many keys as are required',
    file: APPROVALS,
    find: 'given >= required',
    replace: 'given >= 1',
    noticed: /serves what nobody authorised/,
    aims: ['one key'],
  },
  {
    rule: 'approvals: each key for itself',
    file: APPROVALS,
    find: 'given += 1',
    replace: 'given += 2',
    noticed: /serves what nobody authorised/,
    aims: ['one key'],
  },
  {
    rule: 'approvals: signatures that verify',
    file: APPROVALS,
    find: 'if (isSigned(authorisation, bytes))',
    replace: 'if (true)',
    noticed: /serves what nobody authorised/,
    aims: ['destination'],
  },
  {
    rule: 'exact amounts',
    file: POLICY,
    find: '\tasset,\n\tamount\n]);',
    replace: '\tasset\n]);',
    noticed: /pays \d+ \w+ to [0-9a-f]+, unasked/,
    aims: ['amount'],
  },
  {
    rule: 'change to the treasury only',
    file: POLICY,
    find: 'to === treasury',
    replace: 'isOurs(to)',
    noticed: /pays \d+ \w+ to [0-9a-f]+, unasked/,
    aims: ['change'],
  },
  {
    rule: 'limit of a day: a whole day',
    file: POLICY,
    find: 'const DAY_MS = 24 *',
    replace: 'const DAY_MS = 12 *',
    noticed: /over the cap of a day/,
    aims: [],
  },
  {
    rule: 'coins proven by the transaction that paid them',
    file: 'adapters/bitcoin/template.js',
    find: ' || txidOf(previous, span) !== txid',
    replace: '',
    noticed: /is not signed for what the coin is worth|is no coin of ours/,
    aims: ['previous amount'],
  },
  {
    rule: 'the network of the template',
    file: 'adapters/bitcoin/template.js',
    find: 'parsed.data.network !== network.name',
    replace: 'false',
    noticed: /what is for the network/,
    aims: ['network'],
  },
  {
    rule: 'calls of listed tokens only',
    file: 'adapters/ethereum/template.js',
    find: 'if (token === undefined) throw refused(`it calls',
    replace: 'if (false) throw refused(`it calls',
    noticed: /calls 0x/,
    aims: ['call'],
    side: 'ethereum',
  },
  {
    rule: 'no call of a token but transfer',
    file: 'adapters/ethereum/token.js',
    find: 'const FORM = new RegExp(`^${SELECTOR}',
    replace: 'const FORM = new RegExp(`^0x[0-9a-f]{8}',
    noticed: /calls approve/,
    aims: ['call'],
    side: 'ethereum',
  },
  {
    rule: 'no value with a call',
    file: 'adapters/ethereum/template.js',
    find: 'if (value !== 0n)',
    replace: 'if (false)',
    noticed: /sends 1000 to a contract/,
    aims: ['call'],
    side: 'ethereum',
  },
  {
    rule: 'the chain id of the template',
    file: 'adapters/ethereum/transaction.js',
    find: 'transfer.chainId !== BigInt(chainId)',
    replace: 'false',
    noticed: /was signed for the chain/,
    aims: ['network'],
    side: 'ethereum',
  },
  {
    rule: 'gas funding within its bound',
    file: POLICY,
    find: 'BigInt(amount) <= BigInt(policy.gasFunding ?? 0)',
    replace: 'BigInt(amount) <= 2n * BigInt(policy.gasFunding ?? 0)',
    noticed: /pays 500\d ETH to/,
    aims: ['funding'],
    side: 'ethereum',
  },
  {
    rule: 'limits of tokens',
    file: POLICY,
    find: 'Object.hasOwn(tokens, asset) ? tokens[asset] : {}',
    replace: '({})',
    noticed: /over the cap of a (transaction|day): .*USDT/,
    aims: [],
    side: 'ethereum',
  },
  {
    rule: 'the asset of an intent',
    file: POLICY,
    find: '\tdataField,\n\tasset,\n\tamount\n]);',
    replace: '\tdataField,\n\tamount\n]);',
    noticed: /unasked/,
    aims: ['asset'],
    side: 'ethereum',
  },
  { ...without('could-pay-twice', /can both confirm for w-/), rule: 'could-pay-twice, on tickets', side: 'ripple' },
  {
    rule: 'the data field of an intent',
    file: POLICY,
    find: '\tto,\n\tdataField,\n\tasset,',
    replace: '\tto,\n\tasset,',
    noticed: /unasked/,
    aims: ['tag'],
    side: 'ripple',
  },
  {
    rule: 'no flags of a payment',
    file: 'adapters/ripple/template.js',
    find: 'Flags: z.literal(0)',
    replace: 'Flags: z.int()',
    noticed: /has flags/,
    aims: ['field'],
    side: 'ripple',
  },
  {
    rule: 'no field that is not known',
    file: 'adapters/ripple/template.js',
    find: 'Amount: drops\n',
    replace: 'Amount: drops, SendMax: drops.optional()\n',
    noticed: /has a field 6\.9/,
    aims: ['field'],
    side: 'ripple',
  },
  {
    rule: 'tickets up to the allowance',
    file: 'adapters/ripple/template.js',
    find: 'given.TicketCount > maximumTickets',
    replace: 'false',
    noticed: /makes too many tickets/,
    aims: [],
    side: 'ripple',
  },
  {
    rule: "the ledger's network",
    file: 'adapters/ripple/template.js',
    find: 'parsed.data.network !== network.name',
    replace: 'false',
    noticed: /what is for the network/,
    aims: ['network'],
    side: 'ripple',
  },
  {
    ...without('spend-key-bound', /serves t\d+ and t\d+|was signed a second time/),
    rule: 'one block on each previous',
    side: 'nano',
  },
  {
    rule: 'no further attempt on a previous block',
    file: POLICY,
    find: 'if (!inspection.isReplaceable)',
    replace: 'if (false)',
    noticed: /was signed a second time/,
    aims: [],
    side: 'nano',
  },
  {
    rule: 'balances proven by the block that they are of',
    file: 'adapters/nano/template.js',
    find: 'if (hashOf(previous, network) !== block.previous)',
    replace: 'if (false)',
    noticed: /unasked|leaves 1 intents unpaid/,
    aims: ['previous amount'],
    side: 'nano',
  },
  {
    rule: 'the representative of an account',
    file: 'adapters/nano/template.js',
    find: 'if (keyOf(block.representative, network) !== keyOf(representative, network))',
    replace: 'if (false)',
    noticed: /votes for/,
    aims: ['representative'],
    side: 'nano',
  },
  {
    rule: 'one request for each name',
    file: 'src/signer/signing/attempts.js',
    find: 'stored.context.digest !== digest',
    replace: 'false',
    noticed: /was signed for another request/,
    aims: [],
  },
  {
    rule: 'what is signed is remembered',
    file: 'src/signer/memory/memory.js',
    find: 'records.learn(instance)',
    replace: 'undefined',
    noticed: /./,
    aims: [],
  },
  {
    rule: 'what is signed is remembered by the next start',
    file: 'src/signer/memory/memory.js',
    find: 'records.learn(image)',
    replace: 'undefined',
    noticed: /./,
    aims: [],
  },
  {
    rule: 'receipts list what was signed before',
    file: 'src/signer/signing/voids.js',
    find: 'for (const { seq } of templates)',
    replace: 'for (const { seq } of [])',
    noticed: /does not list it/,
    aims: [],
  },
]
