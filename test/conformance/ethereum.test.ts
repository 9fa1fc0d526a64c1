import { describe } from 'vitest'
import { ethereum } from './ethereum.ts'
import { describeConformance } from './promises.ts'

describe('ethereum', () => describeConformance(ethereum))
