import { transaction } from '../../../machines/transaction.ts'
import { happened, to, type Subject } from '../table.ts'

const seen = { chain: 'litecoin', transactionId: 'aa', raw: null, inputs: ['litecoin:ff:0'] }

/** Known by its inputs alone, or with all its bytes. */
export const transactionSubject: Subject = {
  machine: transaction,
  id: 'transaction/litecoin:aa',
  events: {
    'transaction.seen without its bytes': happened('transaction.seen', seen),
    'transaction.seen': happened('transaction.seen', { ...seen, raw: '00' }),
    'transaction.forgotten': happened('transaction.forgotten'),
    'ending.revoked': happened('ending.revoked'),
  },
  stands: {
    absent: [],
    known: ['transaction.seen'],
    'known, without its bytes': ['transaction.seen without its bytes'],
    forgotten: ['transaction.seen', 'transaction.forgotten'],
  },
  table: {
    absent: {
      'transaction.seen': to('known'),
      'transaction.seen without its bytes': to('known'),
    },
    known: { 'transaction.forgotten': to('forgotten') },
    'known, without its bytes': {
      'transaction.seen': to('known', { raw: '00' }),
      'transaction.forgotten': to('forgotten'),
    },
    forgotten: { 'ending.revoked': to('known') },
  },
}
