"""Parts of the template for changes: the function that triggers call and its streams; the function that forwards outboxes."""
