# Keeps of a generated.proto what programs need: messages, fields, and the markers above them.
/^\/\*/ { in_comment = 1 }
in_comment { if (/\*\//) in_comment = 0; next }
/^[ \t]*\/\// && !/^[ \t]*\/\/ ?\+/ { next }
/^[ \t]*$/ { next }
{ print }
