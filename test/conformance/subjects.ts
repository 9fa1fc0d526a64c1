/** The families that the suite knows, one chain each. */
import { bitcoin } from './bitcoin.ts'
import { ethereum } from './ethereum.ts'
import type { Subject } from './subject.ts'

export const SUBJECTS: readonly Subject[] = [bitcoin, ethereum]
