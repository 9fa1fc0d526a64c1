import { describe } from 'vitest'
import { movementSubject } from './subjects/movement.ts'
import { describeMachine } from './table.ts'

describe('movement', () => describeMachine(movementSubject))
