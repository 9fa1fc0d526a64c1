import { describe } from 'vitest'
import { accountSubject } from './subjects/account.ts'
import { describeMachine } from './table.ts'

describe('account', () => describeMachine(accountSubject))
