import { describe } from 'vitest'
import { transactionSubject } from './subjects/transaction.ts'
import { describeMachine } from './table.ts'

describe('transaction', () => describeMachine(transactionSubject))
