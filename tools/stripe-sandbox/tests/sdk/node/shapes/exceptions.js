// Where the sandbox rightly differs from the declared types, and why.

export const EXCEPTIONS = [];
