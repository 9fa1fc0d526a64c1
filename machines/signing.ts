/**
 * One attempt, as the signer remembers it: an unsigned transaction was asked for, was decoded and judged, and was
 * signed, refused or made to wait for approvals. What is signed stays so for ever: no event leaves `signed`, so the
 * same request is answered with the same bytes and nothing else is ever signed under its name. A refusal binds
 * nobody, because no signature exists: the attempt may be asked for again, with another template too.
 */
import { assign, setup } from 'xstate'
import type { AuthorisedIntent, Event, Json, Scheduled, SpendKey } from './vocabulary.ts'

export const version = 1

/** Why a template is not signed. `kind` is stable; `message` is for people. */
export interface Reason {
  kind: string
  message: string
  /** The withdrawal that it is about; absent when it is about the template. */
  withdrawal?: string | undefined
}

/** Approvals that are still wanted for one withdrawal. */
export interface Missing {
  id: string
  required: number
  given: number
}

export interface SignedTemplate {
  template: Json
  /** With the approvals that counted: a watcher that has lost its ledger needs them for a further attempt. */
  intents: AuthorisedIntent[]
  transactionId: string
  /** Hex or the family's own form: what is broadcast. */
  raw: string
  signedAt: number
}

export interface SigningContext extends Scheduled {
  transferId: string
  /** Which attempt of the transfer, from 1. */
  n: number
  /** SHA-256 of template and intents, hex: tells whether a request is the same. */
  digest: string
  /** The highest round seen of each withdrawal whose intent was authorised, by withdrawal id. */
  rounds: Record<string, number>
  spendKeys: SpendKey[]
  /** Base units of the native asset. */
  fee: string
  /** What leaves for others, without the fee. Base units. */
  outflow: string
  reasons: Reason[]
  missing: Missing[]
  signed: SignedTemplate | null
}

export type SigningEvent =
  | Event<'request.received', { chain: string; transferId: string; n: number; digest: string }>
  | Event<'template.inspected', { spendKeys: SpendKey[]; fee: string; outflow: string; rounds: Record<string, number> }>
  | Event<'template.refused', { reasons: Reason[] }>
  | Event<'approvals.missed', { missing: Missing[] }>
  | Event<'template.signed', SignedTemplate>

/** By way of a Map, because `__proto__` is a possible name of a withdrawal. */
function highest(before: Record<string, number>, seen: Record<string, number>): Record<string, number> {
  const merged = new Map(Object.entries(before))
  for (const [id, round] of Object.entries(seen)) merged.set(id, Math.max(merged.get(id) ?? 0, round))
  return Object.fromEntries(merged)
}

const signing = setup({
  types: { context: {} as SigningContext, events: {} as SigningEvent },
  actions: {
    begin: assign((_, data: { chain: string; transferId: string; n: number; digest: string }) => ({
      ...data,
      spendKeys: [],
      fee: '0',
      outflow: '0',
      reasons: [],
      missing: [],
    })),
    learn: assign(({ context }, data: Pick<SigningContext, 'spendKeys' | 'fee' | 'outflow' | 'rounds'>) => ({
      ...data,
      rounds: highest(context.rounds, data.rounds),
    })),
    refuse: assign((_, { reasons }: { reasons: Reason[] }) => ({ reasons })),
    wait: assign((_, { missing }: { missing: Missing[] }) => ({ missing })),
    keep: assign((_, signed: SignedTemplate) => ({ signed })),
  },
})

export const signingMachine = signing.createMachine({
  id: 'signing',
  version: String(version),
  context: {
    chain: '',
    failures: 0,
    dueAt: null,
    dueHeight: null,
    transferId: '',
    n: 0,
    digest: '',
    rounds: {},
    spendKeys: [],
    fee: '0',
    outflow: '0',
    reasons: [],
    missing: [],
    signed: null,
  },
  initial: 'absent',
  states: {
    absent: {
      description: 'Nobody has asked for this attempt yet; never stored.',
      on: { 'request.received': { target: 'received', actions: { type: 'begin', params: ({ event }) => event.data } } },
    },
    received: {
      description: 'A template and the intents it serves have arrived; nothing of them is believed yet.',
      on: {
        'template.inspected': { target: 'inspected', actions: { type: 'learn', params: ({ event }) => event.data } },
        'template.refused': { target: 'refused', actions: { type: 'refuse', params: ({ event }) => event.data } },
      },
    },
    inspected: {
      description: 'Decoded entirely: what it pays, to whom, at what fee, and which spend keys it consumes are known.',
      on: {
        'template.signed': { target: 'signed', actions: { type: 'keep', params: ({ event }) => event.data } },
        'template.refused': { target: 'refused', actions: { type: 'refuse', params: ({ event }) => event.data } },
        'approvals.missed': {
          target: 'awaitingApproval',
          actions: { type: 'wait', params: ({ event }) => event.data },
        },
      },
    },
    awaitingApproval: {
      description: 'Nothing is wrong with it, but fewer backend keys than required have approved; nothing is signed.',
      on: { 'request.received': { target: 'received', actions: { type: 'begin', params: ({ event }) => event.data } } },
    },
    signed: {
      type: 'final',
      description:
        'Signed for ever: the same request gets the same bytes, any other request of its name is turned away.',
    },
    refused: {
      description: 'Not signed, with the reasons; the attempt may be asked for again.',
      on: { 'request.received': { target: 'received', actions: { type: 'begin', params: ({ event }) => event.data } } },
    },
  },
})
