import { describe } from 'vitest'
import { addressSubject } from './subjects/address.ts'
import { describeMachine } from './table.ts'

describe('address', () => describeMachine(addressSubject))
