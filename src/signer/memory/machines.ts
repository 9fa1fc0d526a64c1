/** The signer's machines, by id. */
import { poolMachine } from '../../../machines/pool.ts'
import { signingMachine } from '../../../machines/signing.ts'
import { voidMachine } from '../../../machines/void.ts'
import type { Machines } from '../../kernel/step.ts'

/** Every machine that the signer's memory holds instances of. */
export const signerMachines: Machines = { signing: signingMachine, void: voidMachine, pool: poolMachine }
