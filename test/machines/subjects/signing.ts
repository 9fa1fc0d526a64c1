import type { EventOf, SigningEvent } from '../../../machines/messages.ts'
import { signingMachine } from '../../../machines/signing.ts'
import { at, type Stage } from '../table.ts'

const transferId = 'ab'.repeat(32)
const intent = {
  id: 'w-1',
  chain: 'litecoin',
  asset: 'LTC',
  to: 'rltc1q',
  dataField: null,
  amount: '100',
  expiresAt: null,
  round: 2,
  memory: null,
  authorisations: [{ key: 'k', signature: 's' }],
}
export const signingEvents: { [Type in SigningEvent['type']]: EventOf<'signing', Type> } = {
  'request.received': {
    type: 'request.received',
    at,
    data: { chain: 'litecoin', transferId, n: 1, digest: 'cd', ledgerId: 'ef' },
  },
  'template.inspected': {
    type: 'template.inspected',
    at,
    data: {
      spendKeys: ['litecoin:ef:0'],
      bindsSpendKeys: true,
      fee: '7',
      outflow: '100',
      tokens: { USDT: '5' },
      rounds: { 'w-1': 2 },
    },
  },
  'template.refused': {
    type: 'template.refused',
    at,
    data: { reasons: [{ kind: 'fee-too-high', message: 'too high' }] },
  },
  'approvals.missed': { type: 'approvals.missed', at, data: { missing: [{ id: 'w-1', required: 2, given: 1 }] } },
  'template.signed': {
    type: 'template.signed',
    at,
    data: { template: { psbt: 'x' }, intents: [intent], transactionId: '01', raw: '02', signedAt: at },
  },
  'attempt.forgotten': { type: 'attempt.forgotten', at, data: {} },
}

const inspected = ['request.received', 'template.inspected']

export const signingStage: Stage = {
  machine: signingMachine,
  events: signingEvents,
  stands: {
    absent: [],
    received: ['request.received'],
    inspected,
    awaitingApproval: [...inspected, 'approvals.missed'],
    signed: [...inspected, 'template.signed'],
    refused: [...inspected, 'template.refused'],
    forgotten: [...inspected, 'template.refused', 'attempt.forgotten'],
    'received, asked for again': [...inspected, 'approvals.missed', 'request.received'],
  },
}
