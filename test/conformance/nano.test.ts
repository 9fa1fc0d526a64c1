import { describe } from 'vitest'
import { describeConformance } from './promises.ts'
import { nano } from './nano.ts'

describe('nano', () => describeConformance(nano))
