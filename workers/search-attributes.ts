import type { TemporalLink } from './temporal';

const SEARCH_ATTRIBUTES = ['CampaignDatabase', 'CampaignPhase', 'CampaignOwner'];

/** temporal.api.enums.v1.IndexedValueType */
const KEYWORD = 2;

/**
 * Registers the campaigns' search attributes where they are missing; without them no campaign's first task succeeds. Several
 * workers may do so at once. Where this account may not register (Temporal Cloud), the error says what to register.
 */
export async function ensureSearchAttributes({ connection, namespace }: TemporalLink): Promise<void> {
  const present = await customAttributes({ connection, namespace });
  const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in present));
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    const still = await customAttributes({ connection, namespace });
    if (missing.every((name) => name in still)) return;
    throw new Error(
      `register the Keyword search attributes ${missing.join(', ')} in namespace ${namespace}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function customAttributes({ connection, namespace }: Pick<TemporalLink, 'connection' | 'namespace'>) {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes ?? {};
}
