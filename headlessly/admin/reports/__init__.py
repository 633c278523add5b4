"""Reports that people put together: any noun by group and over time; saved, printed, as a workbook."""
