"""What people bring: taxonomies, documents, principles. Read, checked, and told where they are wrong."""
