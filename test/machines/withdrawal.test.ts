import { describe } from 'vitest'
import { withdrawalSubject } from './subjects/withdrawal.ts'
import { describeMachine } from './table.ts'

describe('withdrawal', () => describeMachine(withdrawalSubject))
