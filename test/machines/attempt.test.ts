import { describe } from 'vitest'
import { attemptSubject } from './subjects/attempt.ts'
import { describeMachine } from './table.ts'

describe('attempt', () => describeMachine(attemptSubject))
