import { describe } from 'vitest'
import { bitcoin } from './bitcoin.ts'
import { describeConformance } from './promises.ts'

describe('bitcoin', () => describeConformance(bitcoin))
