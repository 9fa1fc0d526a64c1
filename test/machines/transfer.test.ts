import { describe } from 'vitest'
import { transferSubject } from './subjects/transfer.ts'
import { describeMachine } from './table.ts'

describe('transfer', () => describeMachine(transferSubject))
