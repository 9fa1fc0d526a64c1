/**
 * The signer's HTTP API as both sides know it: each route once, with what is asked and what is answered. The signer adds
 * what it does (src/signer/routes/), the watcher asks (src/watcher/signer-client.ts).
 */
import { z } from 'zod'
import { defineContract } from '../http/route.ts'
import type { MemoryPosition } from '../../machines/vocabulary.ts'
import * as shapes from './shapes.ts'

/** On every answer the end of the signer's memory; on a request the highest that its sender has seen. */
export const SEQUENCE_HEADER = 'Lockkeeper-Memory-Sequence'
/** Stands beside `SEQUENCE_HEADER`: 64 hexadecimal digits. */
export const HASH_HEADER = 'Lockkeeper-Memory-Hash'

/** What says where the memory stands. */
export const memoryHeaders = ({ sequence, hash }: MemoryPosition): Record<string, string> => ({
  [SEQUENCE_HEADER]: String(sequence),
  [HASH_HEADER]: hash,
})

/** Of a request to sign: templates carry whole previous transactions. */
const MAXIMUM_TEMPLATE_BYTES = 16 * 1024 * 1024
const ATTEMPT = '/v1/chains/{chain}/transfers/{transferId}/attempts/{n}'
const plain = z.string()

/** Every route of the signer. */
export const signerApi = {
  identity: defineContract({
    method: 'GET',
    path: '/v1/identity',
    summary: "The signer's Ed25519 attestation key",
    access: 'read',
    answers: { 200: shapes.identity },
  }),
  growPool: defineContract({
    method: 'PUT',
    path: '/v1/chains/{chain}/address-pool',
    summary: 'Makes sure that at least so many addresses exist; never fewer than before',
    access: 'write',
    body: shapes.poolRequest,
    answers: { 200: shapes.pool, 201: shapes.pool },
  }),
  addresses: defineContract({
    method: 'GET',
    path: '/v1/chains/{chain}/addresses',
    summary: 'Addresses by index, each attested; index 0 is the treasury',
    access: 'read',
    query: shapes.addressesQuery,
    answers: { 200: shapes.addresses },
  }),
  rules: defineContract({
    method: 'GET',
    path: '/v1/chains/{chain}/policy',
    summary: 'Whose approval a payment needs, and what it may cost',
    access: 'read',
    answers: { 200: shapes.rules },
  }),
  sign: defineContract({
    method: 'PUT',
    path: ATTEMPT,
    summary: 'Decodes, judges and signs a template, once and for ever',
    access: 'write',
    body: shapes.signRequest,
    maximumBodyBytes: MAXIMUM_TEMPLATE_BYTES,
    answers: { 200: shapes.signedAnswer, 202: shapes.awaitingAnswer },
  }),
  attempt: defineContract({
    method: 'GET',
    path: ATTEMPT,
    summary: 'The attempt as it is stored',
    access: 'read',
    answers: { 200: shapes.storedAttempt },
  }),
  signed: defineContract({
    method: 'GET',
    path: '/v1/chains/{chain}/transfers',
    summary: 'Everything ever signed or voided, oldest first; `state` tells which',
    access: 'read',
    query: shapes.signedQuery,
    answers: { 200: shapes.signedPage },
  }),
  withdrawal: defineContract({
    method: 'GET',
    path: '/v1/withdrawals/{id}',
    summary: 'Everything ever signed or voided for one withdrawal',
    access: 'read',
    query: shapes.withdrawalQuery,
    answers: { 200: shapes.withdrawalRecord },
  }),
  void: defineContract({
    method: 'PUT',
    path: '/v1/withdrawals/{id}/void',
    summary: 'Forbids any further template up to this round, for ever; answers the same receipt each time',
    access: 'write',
    body: shapes.voidRequest,
    answers: { 200: shapes.receipt, 201: shapes.receipt },
  }),
  health: defineContract({
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the signer serves and its memory can be written',
    access: 'public',
    answers: { 200: z.object({ status: plain }) },
  }),
  metrics: defineContract({
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus',
    access: 'public',
    answers: { 200: plain },
  }),
}
