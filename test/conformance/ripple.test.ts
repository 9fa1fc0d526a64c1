import { describe } from 'vitest'
import { describeConformance } from './promises.ts'
import { rippleSubject } from './ripple.ts'

describe('ripple', () => describeConformance(rippleSubject))
