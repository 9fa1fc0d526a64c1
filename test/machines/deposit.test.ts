import { describe } from 'vitest'
import { depositSubject } from './subjects/deposit.ts'
import { describeMachine } from './table.ts'

describe('deposit', () => describeMachine(depositSubject))
