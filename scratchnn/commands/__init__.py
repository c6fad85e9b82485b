"""Commands that are called by the one name alone: `scratchnn predict`. The others are modules of scratchnn as well."""
