"""The secure sum: two servers that each hold one share of every site's table. Experimental."""
