import tseslint from 'typescript-eslint'

/** Every source of nondeterminism is a port (src/kernel/ports.ts); only the files named below may touch the real thing. */
const nondeterminism = {
  'no-restricted-globals': [
    'error',
    ...['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'performance'].map(
      name => ({ name, message: 'Nondeterminism comes through a port: see src/kernel/ports.ts.' }),
    ),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Math', property: 'random', message: 'Randomness comes through the random port.' },
    { object: 'Date', property: 'now', message: 'Time comes through the clock port, or in the event.' },
    { object: 'process', property: 'env', message: 'The environment is read by src/cli.ts only.' },
  ],
  'no-restricted-syntax': [
    'error',
    {
      selector: "NewExpression[callee.name='Date'][arguments.length=0]",
      message: 'Time comes through the clock port.',
    },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        'node:fs',
        'node:fs/promises',
        'node:http',
        'node:https',
        'node:net',
        'node:timers',
        'node:timers/promises',
      ],
      patterns: [
        {
          group: ['node:crypto'],
          importNamePattern: '^(random|scrypt|generateKey)',
          message: 'Use the random and derive ports.',
        },
      ],
    },
  ],
}

export default tseslint.config(
  {
    ignores: [
      'dist',
      'dist-signer',
      'bin',
      'scripts/*.mjs',
      'scripts/inspector',
      'node_modules',
      'test/vectors',
      'lockkeeper-data',
      '.dependency-cruiser.cjs',
      'eslint.config.js',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      eqeqeq: 'error',
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 4],
    },
  },
  {
    files: ['machines/**', 'adapters/**', 'src/**'],
    ignores: ['src/cli.ts', 'src/client/**', 'src/shell/**', 'src/devnet/process.ts', 'src/inspector/page/**'],
    rules: nondeterminism,
  },
  { files: ['machines/**'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['test/**'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'vitest', importNames: ['it'], message: 'One word, one thing: test.' }] },
      ],
    },
  },
)
