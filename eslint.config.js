import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist', 'docs/api', '**/node_modules', '.nx', '**/runs', '**/assembly'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Typed-array arithmetic in checked loops: an index that is in range by construction may be asserted.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // There are no enums (`erasableSyntaxOnly`), and looking for them is a sixth of the work.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
    },
  },
  {
    files: ['**/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name=/^mkdir/] Property[key.name="recursive"]',
          message: 'On /proc and its like it never returns: makeDirectory of @ferry/data.',
        },
      ],
    },
  },
);
