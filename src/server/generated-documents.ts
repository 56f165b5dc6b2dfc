/** The documents generated from the code: OpenAPI, as JSON and YAML, and the schema of the configuration file. */
import { stringify } from 'yaml';
import { openapiDocument } from './api-docs.js';
import { buildApp } from './app.js';
import { settingsSchema, withDefaults } from './settings/settings-schema.js';

/** Returns the text of each file by name. */
export async function generateDocuments(): Promise<Record<string, string>> {
  const app = await buildApp(withDefaults({ logLevel: 'silent' }));
  await app.ready();
  const openapi = openapiDocument(app);
  await app.close();
  return {
    'openapi.json': textOf(openapi),
    // From parsed JSON, in which no object occurs twice, so that the YAML has no anchors and aliases.
    'openapi.yaml': stringify(JSON.parse(textOf(openapi)), { lineWidth: 120 }),
    'config.schema.json': textOf({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...settingsSchema }),
  };
}

function textOf(document: object): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
