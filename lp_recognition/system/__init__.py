"""What any program needs: errors, files, processes, options, tables, pages."""
