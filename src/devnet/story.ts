/** What the feed tells, in words for somebody who watches: one line for each thing that happens to money, none for the rest. */
import type { FeedEvent } from './backend.ts'

/** `good`: money has arrived where it should; `bad`: it was taken back, or never comes; `wait`: something is under way. */
export type Tone = 'good' | 'bad' | 'wait' | 'plain'

export interface StoryLine {
  tone: Tone
  chain: string
  kind: string
  who: string
  /** With its sign and asset; empty where none moves. */
  amount: string
  words: string
}

/** What the feed does not know: an asset's decimals, and who has asked for a withdrawal. */
export interface Known {
  decimals(asset: string): number
  userOf(withdrawal: string): string
  /** On the signer's receipt. */
  isRefunded(withdrawal: string): boolean
}

type Words = readonly [Tone, string]

const SHOWN_DECIMALS = 4
const TRANSACTION_CHARACTERS = 10

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Base units as a person writes them, cut after four decimals. */
export function sayAmount(amount: string, decimals: number): string {
  const digits = amount.padStart(decimals + 1, '0')
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals).slice(0, SHOWN_DECIMALS)}`
}

const field = ({ data }: FeedEvent, name: string): string => {
  const value = data[name]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
const transactionOf = (event: FeedEvent): string => `${field(event, 'transactionId').slice(0, TRANSACTION_CHARACTERS)}…`
const because = (event: FeedEvent): string => (field(event, 'reason') === '' ? '' : `: ${field(event, 'reason')}`)

function depositWords(event: FeedEvent): Words | null {
  switch (event.to) {
    case 'detected':
      return event.from === null
        ? ['wait', `seen in ${transactionOf(event)}, in no block yet`]
        : ['wait', 'in no block any more']
    case 'confirming':
      if (event.from === 'reversed') return ['wait', 'mined again']
      return event.from === null || event.from === 'detected' ? ['wait', 'in a block'] : null
    case 'credited':
      return ['good', `credited after ${count(Number(field(event, 'required')), 'block')}`]
    case 'reversed':
      return ['bad', 'its block has left the chain: the credit is taken back']
    case 'lost':
      return ['bad', 'it can never be mined again: the credit stays taken back']
    case 'dropped':
      return ['bad', 'double-spent: another payment of its coins is final, and it was never credited']
    case 'quarantined':
      return ['bad', `a person has to decide${because(event)}`]
    case 'ignored':
      return ['plain', `ignored${because(event)}`]
    default:
      return null
  }
}

function withdrawalWords(event: FeedEvent, isRefunded: boolean): Words | null {
  const { id, from, to } = event
  switch (to) {
    case 'requested':
    case 'queued':
      return from === null
        ? ['plain', `${id} is asked for`]
        : from === 'requested'
          ? null
          : ['wait', `${id} waits${because(event)}`]
    case 'held':
      return ['wait', `${id} is held${because(event)}`]
    case 'paying':
      return from === 'paid'
        ? ['bad', `${id}: its block has left the chain, it waits to be mined again`]
        : ['wait', `${id} is being paid`]
    case 'paid':
      return ['good', `${id} is paid by ${transactionOf(event)}`]
    case 'cancelled':
      return isRefunded
        ? ['good', `${id} is cancelled and refunded: nothing was signed, says the signer's receipt`]
        : ['wait', `${id} is cancelled: not refunded before the signer says that nothing was signed`]
    case 'rejected':
      return ['bad', `${id} is rejected${because(event)}`]
    case 'failed':
      return ['bad', `${id} has failed and is asked for again${because(event)}`]
    default:
      return null
  }
}

function chainWords(event: FeedEvent): Words | null {
  switch (event.to) {
    case 'halted':
      return ['bad', `halted${because(event)}: docs/operations.md says what to do`]
    case 'reorganising':
      return event.from === 'reorganising' ? null : ['bad', 'its last block has left the chain: going back to the fork']
    case 'unreachable':
      return ['bad', `its node does not answer${because(event)}`]
    case 'following':
      return event.from === 'reorganising' || event.from === 'unreachable' ? ['good', 'at the tip again'] : null
    default:
      return null
  }
}

/** Null for what a person need not see. */
export function sayEvent(event: FeedEvent, known: Known): StoryLine | null {
  const { kind, chain, id } = event
  if (event.from === event.to) return null
  const money = (sign: string) => {
    const asset = field(event, 'asset')
    return `${sign}${sayAmount(field(event, 'amount'), known.decimals(asset))} ${asset}`
  }
  const line = (words: Words | null, who: string, amount: string): StoryLine | null =>
    words === null ? null : { tone: words[0], chain, kind, who, amount, words: words[1] }
  if (kind === 'deposit') return line(depositWords(event), field(event, 'reference'), money('+'))
  if (kind === 'withdrawal')
    return line(withdrawalWords(event, known.isRefunded(id)), known.userOf(id), money(known.isRefunded(id) ? '+' : '-'))
  if (kind === 'chain') return line(chainWords(event), '', '')
  return null
}
