/**
 * One address of ours, made and attested by the signer. Money sent to it is ours only while the chain is watched for it,
 * so it is watched before anybody is told of it, and it is given to one reference for ever.
 */
import { assign, setup } from 'xstate'
import { actions, type Event, type Scheduled } from './vocabulary.ts'

export interface GeneratedAddress {
  chain: string
  index: number
  address: string
  dataField: string | null
  /** Hex. */
  publicKey: string
  path: string
  createdAt: string
  attestation: { key: string; signature: string }
}

export interface AddressContext extends Scheduled, GeneratedAddress {
  /** Another ledger has perhaps given it to somebody, so it is given only to a reference that names it. */
  isFormer: boolean
  reference: string | null
}

export type AddressEvent =
  | Event<'address.generated', GeneratedAddress & { isFormer: boolean; needsImport: boolean }>
  | Event<'address.imported', Record<string, never>>
  | Event<'address.assigned', { reference: string }>
  | Event<'address.retained', Record<string, never>>

export const address = setup({
  types: { context: {} as AddressContext, events: {} as AddressEvent },
  actions: {
    ...actions,
    generate: assign(({ event }) => {
      const { chain, index, address, dataField, publicKey, path, createdAt, attestation, isFormer } = (
        event as Extract<AddressEvent, { type: 'address.generated' }>
      ).data
      const generated = { chain, index, address, dataField, publicKey, path, createdAt, attestation, isFormer }
      return { ...generated, failures: 0, dueAt: null, dueHeight: null, reference: null }
    }),
    retain: assign({ isFormer: true }),
    assign: assign({
      reference: ({ event }) => (event as Extract<AddressEvent, { type: 'address.assigned' }>).data.reference,
    }),
  },
  guards: {
    needsImport: ({ event }) => (event as Extract<AddressEvent, { type: 'address.generated' }>).data.needsImport,
    isTreasury: ({ context }) => context.index === 0,
    isFree: ({ context }) => context.index > 0 && !context.isFormer,
  },
}).createMachine({
  id: 'address',
  version: '1',
  context: {} as AddressContext,
  initial: 'absent',
  states: {
    absent: {
      description: 'Not in the ledger yet.',
      on: {
        'address.generated': [
          { guard: 'needsImport', target: 'generated', actions: 'generate' },
          { target: 'watched', actions: 'generate' },
        ],
      },
    },
    generated: {
      description: 'Made by the signer; the node does not watch it yet.',
      on: { 'address.imported': 'watched' },
    },
    watched: {
      description:
        'Watched, and free to be given to a reference (the treasury never is, a former one only to who names it).',
      on: {
        'address.assigned': [{ guard: 'isTreasury' }, { target: 'assigned', actions: 'assign' }],
        'address.retained': { guard: 'isFree', actions: 'retain' },
      },
    },
    assigned: { description: 'Belongs to one reference of the backend, for ever.' },
  },
})
