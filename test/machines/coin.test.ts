import { describe } from 'vitest'
import { coinSubject } from './subjects/coin.ts'
import { describeMachine } from './table.ts'

describe('coin', () => describeMachine(coinSubject))
