import { poolMachine } from '../../../machines/pool.ts'
import { happened, type Stage } from '../table.ts'

export const poolStage: Stage = {
  machine: poolMachine,
  events: {
    'pool.extended': happened('pool.extended', {
      chain: 'litecoin',
      from: 100,
      count: 50,
      address: 'rltc1q',
      ledgerId: 'l',
    }),
  },
  stands: { absent: [], generated: ['pool.extended'] },
}
