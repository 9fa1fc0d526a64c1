/** What a person can do about an instance, with the command that does it. */

/** `path` and `body` of a PUT; absent where there is nothing to send. */
export interface Remedy {
  say: string
  path?: string
  body?: string
}

export interface Standing {
  kind: string
  id: string
  state: string
  /** Of a withdrawal: what pays it. */
  transferId: string | null
  chain: string
}

const NOTHING: Remedy = { say: 'Nothing has to be done.' }
const REASON = '{"reason":"WHY"}'

const DEPOSIT: Record<string, (standing: Standing) => Remedy[]> = {
  quarantined: ({ id }) => [
    {
      say: 'Decide it, after looking where it comes from: accept it for a reference, or refuse it (accept: false).',
      path: `/v1/deposits/${id}/decision`,
      body: '{"accept":true,"reference":"WHOSE","reason":"WHY"}',
    },
  ],
  confirmed: ({ id }) => [
    { say: 'The backend credits it, and then says so.', path: `/v1/deposits/${id}/credit`, body: '{}' },
  ],
  reversed: () => [{ say: 'Undo the credit in your books, or freeze it: it may come back under the same id.' }],
  lost: () => [{ say: 'Undo the credit in your books for good: it can never confirm any more.' }],
}

const cancellation = ({ id }: Standing): Remedy => ({
  say: 'Cancel it, if it is not wanted any more; refund only on a receipt that lists nothing signed.',
  path: `/v1/withdrawals/${id}/cancellation`,
  body: '{}',
})

const WITHDRAWAL: Record<string, (standing: Standing) => Remedy[]> = {
  requested: standing => [cancellation(standing)],
  queued: standing => [cancellation(standing)],
  held: standing => [
    {
      say: 'Where an approval is missing, add it (the key as base64url).',
      path: `/v1/withdrawals/${standing.id}/authorisations/KEY`,
      body: '{"signature":"SIGNATURE"}',
    },
    cancellation(standing),
  ],
  paying: ({ transferId, ...rest }) => [
    ...(transferId === null ? [] : [{ say: `Look at its transfer: lockkeeper explain transfer/${transferId}` }]),
    cancellation({ transferId, ...rest }),
  ],
  failed: () => [{ say: 'The backend may ask again: the same body with `round` one higher, signed anew.' }],
  cancelled: () => [{ say: 'Refund only on the receipt, when it lists nothing signed.' }],
  rejected: () => [{ say: 'Refund on the receipt; what was wrong stands in the reason.' }],
}

const TRANSFER: Record<string, (standing: Standing) => Remedy[]> = {
  underway: ({ id }) => [
    {
      say: 'Where its transaction is in no block for long, raise its fee (the rate in the unit of GET /v1/chains/{chain}/fees).',
      path: `/v1/transfers/${id}/replacement`,
      body: '{"feeRate":RATE}',
    },
    {
      say: 'Where it was refused or is stuck, mend what the reason names, and let it try again.',
      path: `/v1/transfers/${id}/resumption`,
      body: REASON,
    },
  ],
}

const CHAIN: Record<string, (standing: Standing) => Remedy[]> = {
  halted: ({ chain }) => [
    {
      say: 'Find out why (docs/operations.md), mend it, and resume the chain.',
      path: `/v1/chains/${chain}/resumption`,
      body: REASON,
    },
  ],
  unreachable: () => [{ say: 'Look after the node, or at the address and the password in watcher.yaml.' }],
}

const TABLES: Record<string, Record<string, (standing: Standing) => Remedy[]>> = {
  deposit: DEPOSIT,
  withdrawal: WITHDRAWAL,
  transfer: TRANSFER,
  chain: CHAIN,
}

/** One at least. */
export const remediesOf = (standing: Standing): Remedy[] =>
  TABLES[standing.kind]?.[standing.state]?.(standing) ?? [NOTHING]

/** The request as a command for a shell. `listen` and `tokenFile` as the configuration has them. */
export function curl(
  { path, body }: Remedy,
  { listen, tokenFile }: { listen: string; tokenFile: string },
): string | null {
  if (path === undefined) return null
  const isSocket = listen.startsWith('unix:')
  const where = isSocket
    ? `--unix-socket ${listen.slice('unix:'.length)} 'http://localhost${path}'`
    : `'http://${listen}${path}'`
  const token = `-H "Authorization: Bearer $(grep -v -m1 -e '^#' -e '^read:' ${tokenFile})"`
  return `curl -X PUT ${token} -H 'Content-Type: application/json' -d '${body ?? '{}'}' ${where}`
}
