/**
 * One deposit and one withdrawal through backend, watcher, signer and node: who says what to whom, and what is on disk
 * before the next thing is said. A test runs both in the simulated world and finds exactly these commits, in this order.
 */

export const PARTIES = ['backend', 'watcher', 'signer', 'node'] as const
export type Party = (typeof PARTIES)[number]

/** What a commit changes; within one commit either all of it is on disk or nothing. */
export interface Change {
  machine: string
  from: string
  to: string
  event: string
}

export type Step =
  | { kind: 'phase'; text: string }
  | { kind: 'call'; from: Party; to: Party; text: string }
  | { kind: 'answer'; from: Party; to: Party; text: string }
  | { kind: 'commit'; by: 'watcher' | 'signer'; changes: Change[] }
  /** In the backend's own database, which is no business of ours. */
  | { kind: 'own'; by: 'backend'; text: string }
  | { kind: 'note'; over: Party; text: string }

export interface Story {
  name: string
  title: string
  steps: Step[]
}

const phase = (text: string): Step => ({ kind: 'phase', text })
const call = (from: Party, to: Party, text: string): Step => ({ kind: 'call', from, to, text })
const answer = (from: Party, to: Party, text: string): Step => ({ kind: 'answer', from, to, text })
const own = (text: string): Step => ({ kind: 'own', by: 'backend', text })
const note = (over: Party, text: string): Step => ({ kind: 'note', over, text })

/** @param changes `machine: from > to, event`, as many as the commit has */
function commit(by: 'watcher' | 'signer', ...changes: string[]): Step {
  return {
    ...{ kind: 'commit', by },
    changes: changes.map(text => {
      const [, machine, from, to, event] = /^(\w+): (\w+) > (\w+), ([\w.]+)$/.exec(text)!
      return { machine: machine!, from: from!, to: to!, event: event! }
    }),
  }
}

export const DEPOSIT: Story = {
  name: 'deposit-sequence',
  title: 'A deposit, from the address to the credit',
  steps: [
    phase('Beforehand: the signer makes addresses'),
    call('watcher', 'signer', 'PUT …/address-pool: how many there shall be'),
    commit('signer', 'pool: absent > generated, pool.extended'),
    answer('signer', 'watcher', 'addresses, each attested'),
    commit('watcher', 'address: absent > watched, address.generated'),
    phase('An address for a user'),
    call('backend', 'watcher', 'PUT /v1/chains/litecoin/addresses/user-1'),
    commit('watcher', 'address: watched > assigned, address.assigned'),
    answer('watcher', 'backend', 'the address, attested by the signer'),
    note('backend', 'checks the attestation, then shows it'),
    phase('Seen: never creditable'),
    call('watcher', 'node', 'getrawmempool, getrawtransaction'),
    answer('node', 'watcher', 'a transaction that pays it'),
    commit('watcher', 'coin: absent > unconfirmed, payment.seen', 'deposit: absent > detected, payment.seen'),
    phase('In a block'),
    call('watcher', 'node', 'the one block that follows ours, raw'),
    answer('node', 'watcher', 'it stands on our tip, and the transaction in it'),
    commit('watcher', 'deposit: detected > confirming, payment.seen'),
    phase('As deep as confirmations.credit: offered'),
    answer('node', 'watcher', 'further blocks'),
    commit(
      'watcher',
      'coin: unconfirmed > spendable, height.reached',
      'deposit: confirming > confirmed, height.reached',
    ),
    call('backend', 'watcher', 'GET /v1/events?after=…&wait=60'),
    answer('watcher', 'backend', 'deposit confirmed: id, reference, amount; next'),
    own('credits it under its id and stores next'),
    call('backend', 'watcher', 'PUT /v1/deposits/{id}/credit'),
    commit('watcher', 'deposit: confirmed > credited, credit.acknowledged'),
    answer('watcher', 'backend', 'credited; and so for ever, however often it is asked'),
    phase('As deep as confirmations.final: no reorg that we accept undoes it'),
    answer('node', 'watcher', 'further blocks'),
    commit('watcher', 'deposit: credited > final, height.reached'),
    note('watcher', 'Had its block left the chain after it was offered: reversed, and the backend undoes the credit.'),
  ],
}

export const WITHDRAWAL: Story = {
  name: 'withdrawal-sequence',
  title: 'A withdrawal, from the intent to the last confirmation',
  steps: [
    phase('Asked for'),
    note('backend', 'signs the intent with its own key'),
    call('backend', 'watcher', 'PUT /v1/withdrawals/w-1: intent, authorisations'),
    commit(
      'watcher',
      'withdrawal: absent > requested, withdrawal.requested',
      'withdrawal: requested > queued, withdrawal.accepted',
      'account: ready > gathering, withdrawal.queued',
    ),
    answer('watcher', 'backend', 'queued'),
    phase('Planned: coins, fee and template are fixed before anybody signs'),
    call('watcher', 'node', 'estimatesmartfee'),
    answer('node', 'watcher', 'fee rates'),
    commit(
      'watcher',
      'account: gathering > ready, plan.made',
      'transfer: absent > underway, transfer.planned',
      'coin: spendable > reserved, key.reserved',
      'withdrawal: queued > paying, transfer.bound',
      'attempt: absent > unsigned, attempt.planned',
    ),
    phase('Signed: the same request gets the same bytes, for ever'),
    call('watcher', 'signer', 'PUT …/transfers/{id}/attempts/1: template, intents'),
    note('signer', 'decodes the template itself: every payment must have its authorised intent'),
    commit(
      'signer',
      'signing: absent > received, request.received',
      'signing: received > inspected, template.inspected',
      'signing: inspected > signed, template.signed',
    ),
    answer('signer', 'watcher', 'signed transaction and its id'),
    commit('watcher', 'attempt: unsigned > signed, signing.completed'),
    phase('Published: whatever the answer, only these bytes are ever sent'),
    call('watcher', 'node', 'sendrawtransaction, the bytes that are on disk'),
    answer('node', 'watcher', 'accepted, or known already'),
    commit('watcher', 'attempt: signed > published, publishing.answered'),
    phase('In a block'),
    call('watcher', 'node', 'the one block that follows ours, raw'),
    answer('node', 'watcher', 'our transaction is in it'),
    commit(
      'watcher',
      'attempt: published > mined, transaction.mined',
      'transfer: underway > confirming, attempt.mined',
    ),
    phase('As deep as confirmations.credit: paid'),
    answer('node', 'watcher', 'further blocks'),
    commit(
      'watcher',
      'transfer: confirming > confirmed, height.reached',
      'withdrawal: paying > paid, transfer.confirmed',
    ),
    call('backend', 'watcher', 'GET /v1/events?after=…&wait=60'),
    answer('watcher', 'backend', 'withdrawal paid: transaction id, fee; next'),
    own('books it as paid and stores next'),
    phase('As deep as confirmations.final: its coins are given up for good'),
    answer('node', 'watcher', 'further blocks'),
    commit(
      'watcher',
      'coin: reserved > spent, height.reached',
      'transfer: confirmed > final, height.reached',
      'withdrawal: paid > final, transfer.finalised',
      'attempt: mined > final, transfer.finalised',
    ),
  ],
}
