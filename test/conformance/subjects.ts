/** The families that the suite knows, one chain each. */
import { bitcoin } from './bitcoin.ts'
import { ethereum } from './ethereum.ts'
import { nano } from './nano.ts'
import { ripple } from './ripple.ts'
import type { Subject } from './subject.ts'

export const SUBJECTS: readonly Subject[] = [bitcoin, ethereum, nano, ripple]
