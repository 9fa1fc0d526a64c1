/** The signer's API as a document, from the contracts that both sides stand on. */
import { openApi } from '../http/openapi.ts'
import { signerApi } from './routes.ts'

const INFO = {
  title: 'Lockkeeper signer',
  version: '1',
  description: 'Makes keys, and turns unsigned into signed. For the watcher. Every write is a PUT and may be repeated.',
}

/** docs/reference/openapi-signer.json. */
export const renderSignerApi = (): string => `${JSON.stringify(openApi(Object.values(signerApi), INFO), null, 2)}\n`
