/** What a picture says of a machine that the machine does not say itself. A machine that is missing here is not drawn. */
import type { AnyStateMachine } from 'xstate'
import { account } from '../machines/account.ts'
import { address } from '../machines/address.ts'
import { attempt } from '../machines/attempt.ts'
import { chain } from '../machines/chain.ts'
import { coin } from '../machines/coin.ts'
import { deposit } from '../machines/deposit.ts'
import { movement } from '../machines/movement.ts'
import { poolMachine } from '../machines/pool.ts'
import { signingMachine } from '../machines/signing.ts'
import { transaction } from '../machines/transaction.ts'
import { transfer } from '../machines/transfer.ts'
import { voidMachine } from '../machines/void.ts'
import { withdrawal } from '../machines/withdrawal.ts'

export interface Shown {
  machine: AnyStateMachine
  /** Where its instances live. */
  side: 'watcher' | 'signer'
  purpose: string
  /** The states that everything goes through where nothing goes wrong, in order. */
  path: readonly string[]
  /** Keys of the states that it ends well in: each end of the machine is in one of these three lists. */
  good: readonly string[]
  bad: readonly string[]
  neutral?: readonly string[]
  /** It waits for a person here, or something was taken back. */
  alarm?: readonly string[]
}

/** In the order in which they are best read. */
export const SHOWN: readonly Shown[] = [
  {
    machine: deposit,
    side: 'watcher',
    purpose: 'One payment to one of our addresses.',
    path: ['absent', 'detected', 'confirming', 'confirmed', 'credited', 'final'],
    good: ['final'],
    bad: ['dropped', 'lost'],
    neutral: ['ignored.settled'],
    alarm: ['quarantined', 'reversed'],
  },
  {
    machine: withdrawal,
    side: 'watcher',
    purpose: 'One payment that the backend asked for.',
    path: ['absent', 'requested', 'queued', 'paying', 'paid', 'final'],
    good: ['final'],
    bad: ['rejected', 'failed'],
    neutral: ['cancelled'],
    alarm: ['held'],
  },
  {
    machine: transfer,
    side: 'watcher',
    purpose: 'One thing that the chain owes us: it pays withdrawals, or moves our own coins.',
    path: ['absent', 'underway', 'confirming', 'confirmed', 'final'],
    good: ['final'],
    bad: ['dead'],
    alarm: ['failing'],
  },
  {
    machine: attempt,
    side: 'watcher',
    purpose: 'One transaction of a transfer, from template to block.',
    path: ['absent', 'unsigned', 'signed', 'published', 'mined', 'final'],
    good: ['final'],
    bad: ['dead'],
    neutral: ['superseded'],
    alarm: ['awaitingApproval', 'refused', 'withheld'],
  },
  {
    machine: chain,
    side: 'watcher',
    purpose: 'One network that is followed.',
    path: ['absent', 'connecting', 'syncing', 'following'],
    good: [],
    bad: [],
    alarm: ['halted', 'unreachable'],
  },
  {
    machine: address,
    side: 'watcher',
    purpose: 'One address of ours, made and attested by the signer.',
    path: ['absent', 'watched', 'assigned'],
    good: ['assigned'],
    bad: [],
  },
  {
    machine: account,
    side: 'watcher',
    purpose: 'One account that spends: the treasury, and where balances are by account each that holds something.',
    path: ['absent', 'ready', 'gathering', 'ready'],
    good: [],
    bad: [],
    alarm: ['stuck'],
  },
  {
    machine: coin,
    side: 'watcher',
    purpose: 'One unspent output of ours (bitcoin family).',
    path: ['absent', 'unconfirmed', 'spendable', 'reserved', 'spent'],
    good: ['spent'],
    bad: ['lost'],
  },
  {
    machine: movement,
    side: 'watcher',
    purpose: 'One change of a balance of ours (where chains keep balances).',
    path: ['absent', 'placed', 'settled'],
    good: ['settled'],
    bad: [],
    neutral: ['undone'],
    alarm: ['displaced'],
  },
  {
    machine: transaction,
    side: 'watcher',
    purpose: 'One transaction that pays us, or bears one that does (bitcoin family).',
    path: ['absent', 'known', 'forgotten'],
    good: [],
    bad: [],
    neutral: ['forgotten'],
  },
  {
    machine: signingMachine,
    side: 'signer',
    purpose: 'One attempt, as the signer remembers it.',
    path: ['absent', 'received', 'inspected', 'signed'],
    good: ['signed'],
    bad: [],
    neutral: ['forgotten'],
    alarm: ['awaitingApproval', 'refused'],
  },
  {
    machine: voidMachine,
    side: 'signer',
    purpose: 'One promise that no template is signed any more for a withdrawal.',
    path: ['absent', 'voided'],
    good: ['voided'],
    bad: [],
  },
  {
    machine: poolMachine,
    side: 'signer',
    purpose: 'One extension of a chain’s addresses, as the signer remembers it.',
    path: ['absent', 'generated'],
    good: ['generated'],
    bad: [],
  },
]
