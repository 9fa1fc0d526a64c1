/**
 * One attempt, as the signer remembers it: an unsigned transaction was asked for, was decoded and judged, and was
 * signed, refused or made to wait for approvals. What is signed stays so for ever: no event leaves `signed`, so the
 * same request is answered with the same bytes and nothing else is ever signed under its name. A refusal binds
 * nobody, because no signature exists: the attempt may be asked for again, with another template too.
 */
import { assign, setup } from 'xstate'
import {
  data,
  typesOf,
  type DataOf,
  type Inspected,
  type Missing,
  type Reason,
  type SignedTemplate,
} from './messages.ts'
import type { Json, Migration, Scheduled } from './vocabulary.ts'

/** One attempt as the signer knows it. */
export interface SigningContext extends Scheduled, Inspected {
  transferId: string
  /** Which attempt of the transfer, from 1. */
  n: number
  /** SHA-256 of template and intents, hex: tells whether a request is the same. */
  digest: string
  /** The ledger that asked for it; null where it was not said. */
  ledgerId: string | null
  /** The highest round seen of each withdrawal whose intent was authorised, by withdrawal id. */
  rounds: Record<string, number>
  reasons: Reason[]
  missing: Missing[]
  signed: SignedTemplate | null
}

const NOTHING_INSPECTED = { spendKeys: [], bindsSpendKeys: false, fee: '0', outflow: '0', tokens: {} }

/** By way of a Map, because `__proto__` is a possible name of a withdrawal. */
function highest(before: Record<string, number>, seen: Record<string, number>): Record<string, number> {
  const merged = new Map(Object.entries(before))
  for (const [id, round] of Object.entries(seen)) merged.set(id, Math.max(merged.get(id) ?? 0, round))
  return Object.fromEntries(merged)
}

const signing = setup({
  types: typesOf<'signing', SigningContext>(),
  actions: {
    begin: assign((_, received: DataOf<'signing', 'request.received'>) => ({
      ...received,
      ...NOTHING_INSPECTED,
      reasons: [],
      missing: [],
    })),
    learn: assign(({ context }, inspected: DataOf<'signing', 'template.inspected'>) => ({
      ...inspected,
      rounds: highest(context.rounds, inspected.rounds),
    })),
    refuse: assign((_, { reasons }: { reasons: Reason[] }) => ({ reasons })),
    wait: assign((_, { missing }: { missing: Missing[] }) => ({ missing })),
    keep: assign((_, signed: SignedTemplate) => ({ signed })),
  },
})

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Version 1 did not know that an intent may name the memory of the signer that it is for. */
const fromVersion1: Migration = ({ value, context }) => {
  const signed = context['signed']
  const intents = isObject(signed) ? signed['intents'] : undefined
  if (!isObject(signed) || !Array.isArray(intents)) return { value, context }
  const named = intents.map(intent => (isObject(intent) ? { ...intent, memory: null } : intent))
  return { value, context: { ...context, signed: { ...signed, intents: named } } }
}

/** Version 2 knew neither tokens nor families whose spend keys belong to one transfer. */
const fromVersion2: Migration = ({ value, context }) => ({
  value,
  context: { ...context, bindsSpendKeys: false, tokens: {} },
})

/** Version 3 did not know for whom something is signed. */
const fromVersion3: Migration = ({ value, context }) => ({ value, context: { ...context, ledgerId: null } })

/** From unsigned to signed. What is signed never changes again, and what is refused can be asked anew. */
export const signingMachine = signing.createMachine({
  id: 'signing',
  version: '4',
  meta: { migrations: [fromVersion1, fromVersion2, fromVersion3] },
  context: {
    chain: '',
    failures: 0,
    dueAt: null,
    dueHeight: null,
    transferId: '',
    n: 0,
    digest: '',
    ledgerId: null,
    rounds: {},
    ...NOTHING_INSPECTED,
    reasons: [],
    missing: [],
    signed: null,
  },
  initial: 'absent',
  states: {
    absent: {
      description: 'Nobody has asked for this attempt yet; never stored.',
      on: { 'request.received': { target: 'received', actions: { type: 'begin', params: data } } },
    },
    received: {
      description: 'A template and the intents it serves have arrived; nothing of them is believed yet.',
      on: {
        'template.inspected': { target: 'inspected', actions: { type: 'learn', params: data } },
        'template.refused': { target: 'refused', actions: { type: 'refuse', params: data } },
      },
    },
    inspected: {
      description: 'Decoded entirely: what it pays, to whom, at what fee, and which spend keys it consumes are known.',
      on: {
        'template.signed': { target: 'signed', actions: { type: 'keep', params: data } },
        'template.refused': { target: 'refused', actions: { type: 'refuse', params: data } },
        'approvals.missed': {
          target: 'awaitingApproval',
          actions: { type: 'wait', params: data },
        },
      },
    },
    awaitingApproval: {
      description: 'Nothing is wrong with it, but fewer backend keys than required have approved; nothing is signed.',
      on: {
        'request.received': { target: 'received', actions: { type: 'begin', params: data } },
        'attempt.forgotten': { target: 'forgotten' },
      },
    },
    signed: {
      type: 'final',
      description:
        'Signed for ever: the same request gets the same bytes, any other request of its name is turned away.',
    },
    refused: {
      description: 'Not signed, with the reasons; the attempt may be asked for again.',
      on: {
        'request.received': { target: 'received', actions: { type: 'begin', params: data } },
        'attempt.forgotten': { target: 'forgotten' },
      },
    },
    forgotten: {
      type: 'final',
      description: 'Never signed, and out of memory, because others came after it; asked for again, it begins anew.',
    },
  },
})
