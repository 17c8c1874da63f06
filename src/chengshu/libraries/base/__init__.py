"""The base store 基础库: one record per entity, merged from what departments hold."""
