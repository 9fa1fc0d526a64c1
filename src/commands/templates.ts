/** What `lockkeeper init` writes. Every example must load once its comment signs are taken away. */

import { EXAMPLES } from '../../adapters/configuring.ts'
import type { ConfigExample } from '../../adapters/config-fields.ts'

/** One a family, commented out. */
const examples = (file: keyof ConfigExample): string =>
  EXAMPLES.map(example => `#\n${example[file].replaceAll(/^/gm, '#  ')}\n`).join('')

export const WATCHER_YAML = `# The watcher. Paths are relative to this file; every key: docs/reference/configuration.md
listen: 127.0.0.1:4100
dataDirectory: ./data/watcher
apiTokenFile: ./secrets/api-token
ledger: { engine: lowdb }
signer:
  url: http://127.0.0.1:4200
  tokenFile: ./secrets/signer-token
chains:
# A chain's name is free; it appears in ids and paths, and must be the same in signer.yaml.
${examples('watcher')}`

export const SIGNER_YAML = `# The signer. Paths are relative to this file; every key: docs/reference/configuration.md
listen: 127.0.0.1:4200                      # loopback or unix:/path; anything else needs tls: { ca, cert, key }
dataDirectory: ./data/signer
tokenFile: ./secrets/signer-token
keystore: { file: ./data/signer/keystore.json, passphraseEnv: LOCKKEEPER_PASSPHRASE }
authorisation: { required: true, keys: [ "BACKEND_KEY" ], approvals: 1 }
chains:
${examples('signer')}`
