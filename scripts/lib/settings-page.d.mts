/** The text of docs/settings.md. */
export function settingsText(settings: Readonly<Record<string, object>>): string;
