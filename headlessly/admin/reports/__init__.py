"""Reports that people build: any noun by group and over time; saved, printed or exported as a workbook."""
