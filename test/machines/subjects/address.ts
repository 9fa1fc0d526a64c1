import { address } from '../../../machines/address.ts'
import { happened, to, type Subject } from '../table.ts'

const generated = {
  chain: 'litecoin',
  index: 7,
  address: 'rltc1q',
  dataField: null,
  publicKey: '02',
  path: "m/84'/1'/0'/0/7",
  createdAt: '2026-01-01T00:00:00.000Z',
  attestation: { key: 'k', signature: 's' },
  isFormer: false,
  needsImport: false,
}

export const addressSubject: Subject = {
  machine: address,
  id: 'address/litecoin:7',
  events: {
    'address.generated': happened('address.generated', generated),
    'address.generated for a node that must import it': happened('address.generated', {
      ...generated,
      needsImport: true,
    }),
    'address.generated, the treasury': happened('address.generated', { ...generated, index: 0 }),
    'address.imported': happened('address.imported'),
    'address.assigned': happened('address.assigned', { reference: 'alice' }),
    'address.assigned to another': happened('address.assigned', { reference: 'bob' }),
    'address.retained': happened('address.retained'),
  },
  stands: {
    absent: [],
    generated: ['address.generated for a node that must import it'],
    watched: ['address.generated'],
    'watched, former': ['address.generated', 'address.retained'],
    'watched, the treasury': ['address.generated, the treasury'],
    assigned: ['address.generated', 'address.assigned'],
  },
  table: {
    absent: {
      'address.generated': to('watched'),
      'address.generated for a node that must import it': to('generated'),
      'address.generated, the treasury': to('watched'),
    },
    generated: {
      'address.imported': to('watched'),
    },
    watched: {
      'address.assigned': to('assigned', { reference: 'alice' }),
      'address.assigned to another': to('assigned', { reference: 'bob' }),
      'address.retained': to('watched', { isFormer: true }),
    },
    'watched, former': {
      'address.assigned': to('assigned', { reference: 'alice' }),
      'address.assigned to another': to('assigned', { reference: 'bob' }),
    },
  },
}
