import { describe } from 'vitest'
import { describeConformance } from './promises.ts'
import { ripple } from './ripple.ts'

describe('ripple', () => describeConformance(ripple))
