import { describe } from 'vitest'
import { chainSubject } from './subjects/chain.ts'
import { describeMachine } from './table.ts'

describe('chain', () => describeMachine(chainSubject))
