/** Asks for the token, once a tab. */
import { useState } from 'preact/hooks'
import { forgetToken, get, keepToken, ShownProblem } from '../api.ts'
import { Mark } from '../mark.tsx'
import { refusal } from '../live.ts'
import type { ApiChain, ApiPage } from '../shapes.ts'

export function TokenView() {
  const [secret, setSecret] = useState('')
  const [isAsking, setAsking] = useState(false)
  const [problem, setProblem] = useState(refusal.value)
  const submit = async (event: Event) => {
    event.preventDefault()
    setAsking(true)
    setProblem(null)
    try {
      await get<ApiPage<ApiChain>>('/v1/chains', { token: secret.trim() })
      refusal.value = null
      keepToken(secret.trim())
    } catch (error) {
      forgetToken()
      const isRefused = error instanceof ShownProblem && error.status === 401
      setProblem(
        isRefused
          ? 'The watcher does not accept this token.'
          : error instanceof Error
            ? `${error.message}.`
            : 'That did not work.',
      )
      setAsking(false)
    }
  }
  return (
    <main class="gate">
      <form class="panel" onSubmit={event => void submit(event)}>
        <h1>
          <Mark /> Lockkeeper
        </h1>
        <p>
          This page shows what the watcher does and can change nothing. It reads the API, so it needs a token; one that
          may only read is enough.
        </p>
        <label for="token">API token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          autofocus
          value={secret}
          aria-describedby={problem === null ? 'token-hint' : 'token-problem token-hint'}
          aria-invalid={problem !== null}
          onInput={event => setSecret(event.currentTarget.value)}
        />
        {problem !== null && (
          <p id="token-problem" class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={isAsking || secret.trim() === ''}>
          {isAsking ? 'Asking…' : 'Open'}
        </button>
        <p id="token-hint" class="hint">
          It is a line of the file <code>apiTokenFile</code> in <code>watcher.yaml</code> (usually{' '}
          <code>secrets/api-token</code>), and is kept for this tab only.
        </p>
      </form>
    </main>
  )
}
