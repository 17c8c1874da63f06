"""城枢 Chengshu: a municipal government big-data platform."""
